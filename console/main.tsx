import { render } from 'preact';
import './styles/main.css';
import { App } from './app.tsx';
import { keepFocus } from './components/heading.tsx';

keepFocus();
render(<App />, document.getElementById('console') ?? document.body);
